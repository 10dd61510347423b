"""Remote inputs, of which Snakemake (9.27) and its plugin for XRootD (1.2) would make too little or too much.

* Jobs of a batch system fetch their inputs themselves where `shared-fs-usage` has no `storage-local-copies`. Snakemake
  tells each to wait for the copies before it begins. They never come, and the job gives up with exit code 0.
* The plugin names a copy by the file's path without its first letter. root://one//x.root and root://two//x.root share
  one copy: both inputs would get the bytes of the same file.
"""

import sys
from typing import Any

from snakemake.jobs import Job
from snakemake_interface_executor_plugins.settings import SharedFSUsage

PLUGIN = "snakemake_storage_plugin_xrootd"


def mend_remote_inputs(workflow: Any) -> None:
    """Changes Snakemake's jobs, if they fetch, and the plugin, if Snakemake has loaded it.

    Args:
        workflow: Snakemake's.
    """
    if SharedFSUsage.STORAGE_LOCAL_COPIES not in workflow.storage_settings.shared_fs_usage:
        Job.storage_input = ()  # asked for by `get_wait_for_files` only
    if (plugin := sys.modules.get(PLUGIN)) is not None:
        plugin.StorageObject.local_suffix = _host_and_path


def _host_and_path(file: Any) -> str:
    """The name of a copy; without password or token."""
    return f"{file.url.hostname}:{file.url.port}/{file.url.path}"
