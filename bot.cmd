@echo off
rem Runs the built bot with the arguments given, and ends with its exit code.
setlocal
for %%c in (Release Debug) do (
  if exist "%~dp0src\Web\bin\%%c\net10.0\bot.dll" (
    dotnet "%~dp0src\Web\bin\%%c\net10.0\bot.dll" %*
    goto done
  )
)
echo The bot is not built yet. Build it with: dotnet fsi build.fsx build 1>&2
exit /b 3
:done
exit /b %errorlevel%
