"""The write path before the record: validate, chunk, embed, analyse."""
