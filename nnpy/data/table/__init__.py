"""Tables (CSV, Parquet) → one vector of numbers for each row, and the target.

    read.py      the files as text, columns by name; dialect.py knows how a CSV file is written
    kinds.py     what each column is, decided over all rows, with the reason
    fit.py       what the training rows say: means, medians, vocabularies → a Record
    record.py    that, as JSON beside the model
    encode.py    a Record and rows → vectors, by NumPy alone

Only read.py and kinds.py need polars (the extra `tables`); what applies a Record does not.
"""
