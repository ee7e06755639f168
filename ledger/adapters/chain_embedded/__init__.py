"""The default chain: an EVM inside the process over one SQLite file.

chain.py is the port for the one process that holds the lock; reader.py for all others (it never
imports the EVM); engine.py executes blocks; store.py holds the tables; clock_guard.py refuses a clock
that cannot be right; web3_face.py lets web3.py talk to it.
"""
