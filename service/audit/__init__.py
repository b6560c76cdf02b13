"""Who did what: append-only, hash-chained, its head exported outside the database.

Claimed is this and no more: any edit, deletion or reordering of rows is found, and so is any cut
below the last exported head, as long as the file of heads is kept where another account owns it.
Rows newer than the last export can be cut, or written anew as a whole, without a trace.
"""
