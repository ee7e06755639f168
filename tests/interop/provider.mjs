// A real OpenID Connect provider on this machine, with two clients and no pages of its own: whoever asks
// with ?login_hint=… is that person. Prints its address when it listens. Arguments: redirect address.
import crypto from "node:crypto";
import http from "node:http";
import Provider from "oidc-provider";

const redirect = process.argv[2];
const server = http.createServer();
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
const { privateKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "ecert",
      client_secret: "a secret between the two of them",
      redirect_uris: [redirect],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      id_token_signed_response_alg: "ES256",
    },
    {
      client_id: "ecert-public",
      token_endpoint_auth_method: "none",
      redirect_uris: [redirect],
      response_types: ["code"],
      grant_types: ["authorization_code"],
      id_token_signed_response_alg: "ES256",
    },
  ],
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), kid: "one", alg: "ES256", use: "sig" }] },
  cookies: { keys: ["cookies of a test"] },
  claims: { openid: ["sub", "org", "dept"] },
  conformIdTokenClaims: false,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_ctx, sub) => ({
    accountId: sub,
    claims: () => ({ sub, org: sub.startsWith("bank") ? "bank" : "fund", dept: "住房公积金管理中心" }),
  }),
});
const answer = provider.callback();

server.on("request", async (request, response) => {
  if (!request.url.startsWith("/interaction/")) {
    return answer(request, response);
  }
  const details = await provider.interactionDetails(request, response);
  if (details.params.login_hint === "refuse") {
    return provider.interactionFinished(request, response, { error: "access_denied" });
  }
  if (details.prompt.name === "login") {
    const who = request.headers["x-test-person"] ?? "fund-1";
    return provider.interactionFinished(request, response, { login: { accountId: who } });
  }
  const grant = new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  grant.addOIDCScope("openid");
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
});

console.log(issuer);
