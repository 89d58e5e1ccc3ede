# This file is kept by plimsoll; edits are lost.
# Commit it: it pins what plugins, fetched skills and tools may be.
