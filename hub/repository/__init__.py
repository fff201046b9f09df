"""The algorithm repository 算法仓库: packages, versions, bytes."""
