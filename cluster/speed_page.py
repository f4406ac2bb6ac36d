"""What the pages of measured speed say alike."""
import datetime
import os
import subprocess
import textwrap


def said(command):
    return subprocess.run(command, capture_output=True, text=True).stdout.strip()


def machine():
    """The date, the machine and the program's commit."""
    with open("/proc/cpuinfo") as file:
        processor = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), "unknown")
    commit = said(["git", "describe", "--always", "--dirty"]) or "no checkout"
    return f"{datetime.date.today()}: {processor}, {os.cpu_count()} processors, load {os.getloadavg()[2]:.1f}, commit {commit}"


def wrapped(text):
    return textwrap.fill(text, 140, break_long_words=False, break_on_hyphens=False)
