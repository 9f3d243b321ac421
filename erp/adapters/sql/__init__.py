"""The SQL adapter: integration tables in the ERP's database."""
