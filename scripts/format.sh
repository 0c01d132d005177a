# ./dev format: every Swift file in the house style.
need_swift
say "Formatting."
swift format --in-place --parallel --recursive Package.swift Sources Installer Tests Plugins "$@"
