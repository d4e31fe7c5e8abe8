"""GitLab: project, group and system hooks."""

from bridge.sources.gitlab.provider import PROVIDER as PROVIDER
