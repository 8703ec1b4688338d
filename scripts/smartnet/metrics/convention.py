"""What becomes of empty scans, in one sentence for every table and caption; nothing is imported here."""

EMPTY_CONVENTION = (
    "DSC, surface Dice, HD95, missed volume, agreement of volumes and lesions: scans with hemorrhage and a "
    "reference mask alone; where nothing was predicted, DSC and surface Dice are 0 and HD95 is undefined (left "
    "out and counted, no image diagonal stands in). FPV and false components: scans without hemorrhage alone."
)
