"""From volumes in HU to 8-bit slices in memory-mapped arrays, the patient-level split, and their reader."""
