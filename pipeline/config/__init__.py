"""The typed configuration: composed from conf/, kept in params.yaml, checked before use."""
