# SPDX-License-Identifier: GPL-2.0-or-later
#
# The text of nixos-options.md from the options that the module declares. docs/update-nixos-options writes it.
#
# options: those of services.blankroot, evaluated
{ lib, options }:

let
  isOption = value: (value._type or null) == "option";
  isInternal = name: lib.hasPrefix "_" name;

  # { path, option } of an option and of those that its values have, in the order of names.
  list = path: option: [ { inherit path option; } ] ++ walk (path ++ inner option.type) (option.type.getSubOptions path);
  inner = type: if lib.hasPrefix "attribute set of submodule" type.description then [ "<name>" ] else [ ];
  walk = path: tree: lib.concatLists (lib.mapAttrsToList
    (name: branch:
      if isInternal name then [ ]
      else if isOption branch then list (path ++ [ name ]) branch
      else walk (path ++ [ name ]) branch)
    tree);

  # --- values, as one writes them ---

  isName = text: builtins.match "[A-Za-z_][A-Za-z0-9_-]*" text != null;
  quote = text: if isName text then text else builtins.toJSON text;
  bindings = lib.mapAttrsToList (name: value: "${quote name} = ${write value};");
  write = value:
    if builtins.isAttrs value then (if value == { } then "{ }" else "{ ${lib.concatStringsSep " " (bindings value)} }")
    else if builtins.isList value then (if value == [ ] then "[ ]" else "[ ${lib.concatMapStringsSep " " write value} ]")
    else builtins.toJSON value;
  show = value: if builtins.isAttrs value && value ? _type
    then (if value._type == "literalMD" then value.text else "`${value.text}`")
    else "`${write value}`";

  # --- the key of blankroot.conf(5) ---

  letters = alphabet: builtins.genList (i: builtins.substring i 1 alphabet) 26;
  kebab = builtins.replaceStrings (letters "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    (map (letter: "-${letter}") (letters "abcdefghijklmnopqrstuvwxyz"));

  # What holds it; sections are no keys.
  sectionOf = path:
    if lib.hasPrefix "settings.ephemeral.<name>.paths.<name>." path then "path"
    else if lib.hasPrefix "settings.ephemeral.<name>." path then "ephemeral"
    else if lib.hasPrefix "settings." path then builtins.head (lib.splitString "." (lib.removePrefix "settings." path))
    else null;
  keyOf = one:
    let
      section = sectionOf (lib.concatStringsSep "." one.path);
      key = kebab (lib.foldl' (_: name: name) "" one.path);
    in
    if section == null || one.option.type.getSubOptions one.path != { } then null
    else if builtins.length one.path == 2 then "`${key}`"
    else "`${key}` in `${section}`";

  # --- the text ---

  text = description: lib.concatStringsSep "\n" (builtins.filter (line: line != "") (lib.splitString "\n" description));

  typeOf = option: builtins.replaceStrings [ "submodule" ] [ "the options below" ]
    (lib.removePrefix "null or " option.type.description);
  defaultOf = option:
    if option ? defaultText then show option.defaultText
    else if !(option ? default) then (if option.readOnly or false then "read-only" else "none: has to be given")
    else if option.default == null then "not written, the program's own"
    else show option.default;
  item = name: value: lib.optionalString (value != null) "- ${name}: ${value}\n";

  entry = one: ''

    ## services.blankroot.${lib.concatMapStringsSep "." (name: if name == "<name>" then "\\<name\\>" else name) one.path}

    ${text one.option.description}

  '' + item "type" (typeOf one.option)
  + item "default" (defaultOf one.option)
  + item "example" (if one.option ? example then show one.option.example else null)
  + item "key" (keyOf one);
in
''
  # Options of the NixOS module

  All options of `services.blankroot`. What they set in `/etc/blankroot.conf` is explained in blankroot.conf(5), whose
  name for it is given as the key. How the module is used: [install.md](install.md#nixos); a complete server:
  [examples/hetzner-vps](examples/hetzner-vps/README.md).

  This file is made from the module by `docs/update-nixos-options`.
'' + lib.concatMapStrings entry (walk [ ] options)
