#!/bin/sh
# Runs Paket with PAKET_SOURCE set to the package source that this machine's NuGet uses (the first enabled one),
# unless the caller has set it. So neither paket.dependencies nor paket.lock has to name a registry.
set -eu
# MSBuild calls this from a project folder with paths relative to it: stay in the folder of the caller.
lock="$(cd "$(dirname "$0")/.." && pwd)/paket.lock"
if [ -z "${PAKET_SOURCE:-}" ]; then
  PAKET_SOURCE=$(dotnet nuget list source --format short | sed -n 's/^E[M]* *//p' | head -n 1)
  if [ -z "$PAKET_SOURCE" ]; then
    echo "No enabled NuGet source was found. Add one (dotnet nuget add source URL) or set PAKET_SOURCE." >&2
    exit 3
  fi
  export PAKET_SOURCE
fi
dotnet tool restore >/dev/null
status=0
dotnet paket "$@" || status=$?
# Paket writes the resolved address into the lock file; the variable's name belongs there instead.
if [ -f "$lock" ] && grep -qF "remote: $PAKET_SOURCE" "$lock"; then
  sed "s|remote: $PAKET_SOURCE|remote: %PAKET_SOURCE%|" "$lock" > "$lock.tmp" && mv "$lock.tmp" "$lock"
fi
exit $status
