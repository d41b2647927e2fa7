"""Who this is: the profile of a visitor, how events fold into it and where it is kept."""
