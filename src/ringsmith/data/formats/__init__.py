"""One file per family of formats: bytes or a folder -> `RawTable`."""
