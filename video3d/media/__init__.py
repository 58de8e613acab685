"""Files in, files out: probing, decoding, encoding, joining, labelling."""
