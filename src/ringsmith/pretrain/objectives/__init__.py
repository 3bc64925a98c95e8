"""One file per objective; `objective.ENTRIES` lists them and loads each only when it is asked for."""
