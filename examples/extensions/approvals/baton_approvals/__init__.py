"""Purchase requests: made, corrected and approved by runs, each step a row, all of them kept."""
