"""On what data: samples from every source, observers of ranges, labelled photos. It knows no file format of exports."""
