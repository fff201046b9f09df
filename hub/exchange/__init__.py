"""File exchange 文件交换: nodes beyond borders that strip protocols hand over by signed, sealed, numbered files."""
