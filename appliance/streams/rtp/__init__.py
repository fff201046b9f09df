"""RTP (RFC 3550) without I/O: packets of H.264 (RFC 6184) and H.265 (RFC 7798) to access units."""
