"""From a catalog of CT series to straightened volumes in Hounsfield units with their reference masks."""
