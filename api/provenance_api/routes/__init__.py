"""Routes: schema in, one job, schema out."""
