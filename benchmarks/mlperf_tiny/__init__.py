"""The networks of MLPerf Tiny, ours beside MLPerf's own int8 files, and the data to compare them on."""
