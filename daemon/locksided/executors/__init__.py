"""Executors: processes that own runs on other machines, which an engine finds; they speak the keepers'
protocol and import nothing but the keeper's modules and the standard library.
"""
