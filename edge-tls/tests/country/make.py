"""Makes the country databases of the tests: python make.py, with PyPI's mmdb-writer 0.2.7."""
from netaddr import IPSet
from mmdb_writer import MMDBWriter

for name, code in (("german", "DE"), ("french", "FR")):
    writer = MMDBWriter(6, "Lintel-Test-Country", ipv4_compatible=True, description="192.0.2.0/24, 127.0.0.0/8, 2001:db8::/32")
    writer.insert_network(IPSet(["192.0.2.0/24", "127.0.0.0/8", "2001:db8::/32"]), {"country": {"iso_code": code}})
    writer.to_db_file(f"{name}.mmdb")
