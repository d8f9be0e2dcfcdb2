"""Trained networks: which are wanted and under which licence, fetching, registering and checking them.

parts.py     the table of networks: files, sizes, digests, licences
registry.py  which files are here, with their digests, so that nobody reads gigabytes to know
needs.py     what a profile lacks; torch-free, asked by the front door
fetch.py     from Hugging Face, resumed where it was interrupted
convert.py   a checkpoint's tensors into safetensors, without running what is in it
add.py       files that were fetched by hand
check.py     names and shapes against the architecture, then digests
show.py      the list, in words
command.py   ``worldwarp weights``
"""
