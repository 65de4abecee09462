"""Programs that run as steps of jobs under the keeper, in processes of their own. The daemon imports none."""
