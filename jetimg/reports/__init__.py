"""What is in a data set or file: tables and distributions."""
