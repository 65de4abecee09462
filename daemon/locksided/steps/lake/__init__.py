"""The back end `lake`: tables as Parquet files with a Delta log, read and written with DuckDB."""
