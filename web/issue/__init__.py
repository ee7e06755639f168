"""The issuing desk: single issue, import of files, batches, search (pages P3 to P7)."""
