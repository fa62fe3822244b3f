"""Debian 12's azure-cli asks its own libraries for API versions that they do not have: every `az vm` and
`az network` ends before its first request. In a folder of PYTHONPATH, this lowers the two numbers when az
has loaded its table of versions; no file of az is touched.
"""
import importlib.util
import sys

TABLE = "azure.cli.core.profiles._shared"


def lower(table):
    latest, kind = table.AZURE_API_PROFILES["latest"], table.ResourceType
    compute = latest[kind.MGMT_COMPUTE].profile
    for name, version in compute.items():
        if version == "2022-11-01":
            compute[name] = "2022-08-01"
    latest[kind.MGMT_NETWORK] = "2022-07-01"


class Finder:
    def find_spec(self, name, path=None, target=None):
        if name != TABLE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def load_and_lower(module):
            load(module)
            lower(module)

        spec.loader.exec_module = load_and_lower
        return spec


sys.meta_path.insert(0, Finder())
