"""The front door: runs, clients and streaming. Imports no torch."""
