"""Training and measuring of the detector's models on a labelled folder of pictures."""
