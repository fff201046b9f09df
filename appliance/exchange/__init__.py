"""File exchange 文件交换 with the hub: rows, state and pictures out, acknowledgements and wishes in."""
