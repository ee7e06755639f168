// Verifies SD-JWT VCs with @sd-jwt/sd-jwt-vc. In (stdin): {root, iss, base, statusJwk, cases: [{name, credential}]},
// out (stdout): [{name, accepted, error, claims}]. The library fetches the list itself; only the host is
// replaced by the loopback server's.
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { ES256, digest, generateSalt } from '@sd-jwt/crypto-nodejs'
import { SDJwtVcInstance } from '@sd-jwt/sd-jwt-vc'

const input = JSON.parse(readFileSync(0, 'utf8'))
const root = new X509Certificate(Buffer.from(input.root, 'base64url'))

function issuerKey(header, iss) {
  const [leaf, authority] = header.x5c.map((text) => new X509Certificate(Buffer.from(text, 'base64')))
  const chained =
    leaf.checkIssued(authority) && leaf.verify(authority.publicKey) &&
    authority.checkIssued(root) && authority.verify(root.publicKey) && authority.ca && !leaf.ca
  if (!chained) throw new Error('certificate path')
  if (leaf.subjectAltName !== `URI:${iss}`) throw new Error('subjectAltName')
  return leaf.publicKey.export({ format: 'jwk' })
}

async function fetchList(uri) {
  if (!uri.startsWith(input.iss)) throw new Error('foreign list')
  const answer = await fetch(input.base + uri.slice(input.iss.length))
  if (!answer.ok) throw new Error(`list: HTTP ${answer.status}`)
  return answer.text()
}

async function verify(credential) {
  const part = (index) => JSON.parse(Buffer.from(credential.split('~')[0].split('.')[index], 'base64url'))
  const instance = new SDJwtVcInstance({
    hasher: digest,
    hashAlg: 'sha-256',
    saltGenerator: generateSalt,
    verifier: await ES256.getVerifier(issuerKey(part(0), part(1).iss)),
    statusVerifier: await ES256.getVerifier(input.statusJwk),
    statusListFetcher: fetchList,
  })
  return (await instance.verify(credential)).payload
}

const results = []
for (const { name, credential } of input.cases) {
  try {
    results.push({ name, accepted: true, claims: await verify(credential) })
  } catch (error) {
    results.push({ name, accepted: false, error: String(error.message) })
  }
}
process.stdout.write(JSON.stringify(results))
