"""A chain that others run: the Chain port over the JSON-RPC of one or several nodes.

node.py talks to one node and believes nothing that has the wrong shape; nodes.py asks several until
enough agree; finality.py says which block is final; chain.py is the port; sending.py and
sending_sql.py remember what was handed over, so that it is sent again, replaced, and never done
twice; deploy.py puts the contracts there or recognises them; probe.py says what a chain lacks.

Plain JSON-RPC, no web3.py (docs/adr/0027): the extra data of proof-of-authority headers is never
looked at, so that such chains need no special treatment.
"""
