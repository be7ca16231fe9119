"""Lists of people from files: CSV and XLSX, read row by row, in memory that does not grow with the file."""
