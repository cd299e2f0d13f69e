@echo off
rem Runs Paket with PAKET_SOURCE set to the package source that this machine's NuGet uses, unless the caller has set it.
if not defined PAKET_SOURCE (
  for /f "tokens=1,*" %%a in ('dotnet nuget list source --format short') do (
    if not defined PAKET_SOURCE if not "%%a"=="D" set "PAKET_SOURCE=%%b"
  )
)
dotnet tool restore >nul
dotnet paket %*
