# SPDX-License-Identifier: GPL-2.0-or-later
#
# Paths with all that means something to the syntax of the configuration, to a shell or to Nix.
[
  "/plain"
  "/a b"
  "/quote\"s"
  "/quote's"
  "/back\\slash"
  "/back\\\\slashes\\"
  "/back\\\"slash"
  "/\${HOME}"
  "/\\\${HOME}"
  "/$\${HOME}'\""
  "/$HOME"
  "/{braces}"
  "/}"
  "/# no comment"
  "/*star*"
  "/+=(),"
  "/\\n"
  "/\\x41\\101"
  "/~root"
  "/@preLVMCommands@"
  "/größe"
  "/ "
]
