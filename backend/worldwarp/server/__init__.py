"""The front door: one process without torch that owns the socket, the runs and the worker.

```
clients ==CURVE==> frontdoor.py     the loop: one thread, one ROUTER, one mailbox
                   auth.py          who may connect; sockets are bound only here
                   peers.py         what waits for each peer, sent without ever blocking
        shots ───> intake.py        checked, written down, answered
                   runs.py          what happens to a run; whose turn it is
                   journal.py       runs in SQLite; kept.py: their shots
                   workbench.py     the worker process and the chunk or question it has in work
    questions ───> estimates.py     who waits for the geometry of a picture; answers.py: answers on disk
                   errands.py       questions on their way to the worker
  frames <───      sender.py        streams, as far as credit allows
                   streams.py       a run as a numbered list of items, the same after every restart
                   derived.py       points of committed chunks
                   neighbour.py     who listens at our address already
                   mailbox.py       how other threads reach the loop
```
"""
