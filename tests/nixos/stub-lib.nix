# SPDX-License-Identifier: GPL-2.0-or-later
#
# As much of the library of nixpkgs as the module uses, its module system above all, for machines without nixpkgs. What
# is an error there is one here: an option that nobody declared, a definition of a wrong type, two that contradict each
# other, a second one for what is read-only, a value that nobody gave.
let
  inherit (builtins) all any attrNames attrValues concatLists concatMap concatStringsSep elem elemAt filter foldl' genList
    head isAttrs isBool isFunction isInt isList isString length listToAttrs map match replaceStrings sort split
    stringLength substring tail tryEval;

  show = concatStringsSep ".";
  typed = type: value: isAttrs value && (value._type or null) == type;

  # --- properties ---

  mkIf = condition: content: { _type = "if"; inherit condition content; };
  mkMerge = contents: { _type = "merge"; inherit contents; };
  mkOverride = priority: content: { _type = "override"; inherit priority content; };
  mkOrder = priority: content: { _type = "order"; inherit priority content; };

  # From properties around a set to properties around its attributes, without looking at a condition.
  pushDown = value:
    if typed "merge" value then concatMap pushDown value.contents
    else if typed "if" value then map (builtins.mapAttrs (_: mkIf value.condition)) (pushDown value.content)
    else if typed "override" value then map (builtins.mapAttrs (_: mkOverride value.priority)) (pushDown value.content)
    else [ value ];

  # A list of { value, priority, order }.
  discharge = priority: order: value:
    if typed "merge" value then concatMap (discharge priority order) value.contents
    else if typed "if" value then (if value.condition then discharge priority order value.content else [ ])
    else if typed "override" value then discharge value.priority order value.content
    else if typed "order" value then discharge priority value.priority value.content
    else [{ inherit value priority order; }];

  strongest = found: filter (one: one.priority == foldl' (a: b: if b.priority < a then b.priority else a) 10000 found) found;

  # --- options ---

  mergeType = loc: type: values:
    let bad = filter (value: !(type.check value)) values; in
    if bad != [ ] then throw "A definition for option `${show loc}' is not of type `${type.description}'."
    else type.merge loc values;

  # What definitions leave, in order.
  reduce = values: map (one: one.value) (sort (a: b: a.order < b.order) (strongest (concatMap (discharge 100 1000) values)));

  evalOption = loc: option: values:
    let
      given = reduce values;
      defaulted = reduce (values ++ (if option ? default then [ (mkOverride 1500 option.default) ] else [ ]));
    in
    if (option.readOnly or false) && length given > 1 then throw "The option `${show loc}' is read-only, but it's set multiple times."
    else if defaulted == [ ] then throw "The option `${show loc}' is used but not defined."
    else mergeType loc option.type defaulted;

  mergeOptions = loc: a: b:
    if typed "option" a || typed "option" b then throw "The option `${show loc}' is declared twice."
    else builtins.mapAttrs
      (name: _: if a ? ${name} && b ? ${name} then mergeOptions (loc ++ [ name ]) a.${name} b.${name} else a.${name} or b.${name})
      (a // b);

  evalTree = loc: tree: values:
    if typed "option" tree then evalOption loc tree values
    else
      let
        sets = concatMap pushDown values;
        unknown = concatMap (set: filter (name: !(tree ? ${name})) (attrNames set)) sets;
      in
      if !(all isAttrs sets) then throw "The option set `${show loc}' is given something else than a set."
      else if unknown != [ ] then throw "The option `${show (loc ++ [ (head unknown) ])}' does not exist."
      else builtins.mapAttrs
        (name: branch: evalTree (loc ++ [ name ]) branch (concatMap (set: if set ? ${name} then [ set.${name} ] else [ ]) sets))
        tree;

  load = args: module:
    let
      value = if isFunction module then module args
        else if isAttrs module then module
        else load' (import module);
      load' = loaded: if isFunction loaded then loaded args else loaded;
      full = value ? config || value ? options;
    in
    concatMap (load args) (value.imports or [ ]) ++ [{
      options = value.options or { };
      config = if full then value.config or { } else removeAttrs value [ "imports" ];
    }];

  evalModules = { modules, specialArgs ? { }, prefix ? [ ] }:
    let
      args = specialArgs // { inherit lib config options; };
      loaded = concatMap (load args) modules;
      options = foldl' (mergeOptions prefix) { } (map (module: module.options) loaded);
      config = evalTree prefix options (map (module: module.config) loaded);
    in
    { inherit config options; };

  # --- types ---

  equal = loc: values:
    if all (value: value == head values) values then head values
    else throw "The option `${show loc}' has conflicting definition values.";
  mkType = description: check: { inherit description check; merge = equal; getSubOptions = _: { }; };

  types = rec {
    bool = mkType "boolean" isBool;
    str = mkType "string" isString;
    path = mkType "path" (value: builtins.isPath value || (isString value && hasPrefix "/" value));
    package = mkType "package" (value: (isAttrs value && (value.type or null) == "derivation")
      || (isString value && hasPrefix builtins.storeDir value));
    # For what only a test looks at: values merge like sets, and else must not contradict each other.
    attrs = mkType "attribute set" isAttrs // { merge = _: foldl' (a: b: a // b) { }; };
    lines = str // { merge = _: concatStringsSep "\n"; };
    ints.u32 = mkType "32 bit unsigned integer; between 0 and 4294967295 (both inclusive)"
      (value: isInt value && value >= 0 && value <= 4294967295);
    int = mkType "signed integer" isInt;
    enum = words: mkType "one of ${concatStringsSep ", " (map builtins.toJSON words)}" (value: elem value words);
    strMatching = pattern: mkType "string matching the pattern ${pattern}" (value: isString value && match pattern value != null);
    addCheck = type: check: type // { check = value: type.check value && check value; };
    either = a: b: mkType "${a.description} or ${b.description}" (value: a.check value || b.check value) // {
      merge = loc: values: if all a.check values then a.merge loc values
        else if all b.check values then b.merge loc values
        else equal loc values;
    };
    nullOr = type: mkType "null or ${type.description}" (value: value == null || type.check value) // {
      merge = loc: values: if all (value: value == null) values then null
        else if any (value: value == null) values then throw "The option `${show loc}' has conflicting definition values."
        else type.merge loc values;
      inherit (type) getSubOptions;
    };
    listOf = type: mkType "list of ${type.description}" isList // {
      merge = loc: values: concatMap (value: let kept = reduce [ value ]; in if kept == [ ] then [ ] else [ (mergeType loc type kept) ])
        (concatLists values);
    };
    attrsOf = type: mkType "attribute set of ${type.description}" isAttrs // {
      merge = loc: values:
        let
          byName = builtins.zipAttrsWith (_: found: reduce found) (concatMap pushDown values);
          present = filter (name: byName.${name} != [ ]) (attrNames byName);
        in
        listToAttrs (map (name: { inherit name; value = mergeType (loc ++ [ name ]) type byName.${name}; }) present);
      inherit (type) getSubOptions;
    };
    submodule = module: mkType "submodule" (value: isAttrs value || isFunction value) // {
      # A set is all configuration, whatever its names are: fileSystems.* has options.
      merge = loc: values: (evalModules {
        modules = [ module ] ++ map (value: if isFunction value then value else { config = value; }) values;
        specialArgs.name = elemAt loc (length loc - 1);
        prefix = loc;
      }).config;
      getSubOptions = prefix: (evalModules { modules = [ module ]; specialArgs.name = "<name>"; inherit prefix; }).options;
    };
  };

  # --- the rest ---

  hasPrefix = prefix: text: substring 0 (stringLength prefix) text == prefix;

  lib = {
    inherit all any concatLists concatMap concatStringsSep evalModules filter foldl' hasPrefix mkIf mkMerge mkOrder mkOverride types;
    inherit (builtins) mapAttrs;
    mkOption = option: option // { _type = "option"; };
    mkEnableOption = name: lib.mkOption {
      type = types.bool;
      default = false;
      description = "Whether to enable ${name}.";
    };
    mkDefault = mkOverride 1000;
    mkForce = mkOverride 50;
    mkBefore = mkOrder 500;
    mkAfter = mkOrder 1500;
    literalExpression = text: { _type = "literalExpression"; inherit text; };
    literalMD = text: { _type = "literalMD"; inherit text; };

    boolToString = value: if value then "true" else "false";
    concatStrings = concatStringsSep "";
    concatMapStrings = f: list: concatStringsSep "" (map f list);
    concatMapStringsSep = separator: f: list: concatStringsSep separator (map f list);
    escapeShellArg = text: "'" + replaceStrings [ "'" ] [ "'\\''" ] text + "'";
    filterAttrs = check: set: removeAttrs set (filter (name: !(check name set.${name})) (attrNames set));
    findFirst = check: default: list: let found = filter check list; in if found == [ ] then default else head found;
    mapAttrsToList = f: set: map (name: f name set.${name}) (attrNames set);
    optional = condition: value: if condition then [ value ] else [ ];
    optionals = condition: values: if condition then values else [ ];
    optionalAttrs = condition: set: if condition then set else { };
    optionalString = condition: text: if condition then text else "";
    removePrefix = prefix: text: if hasPrefix prefix text then substring (stringLength prefix) (-1) text else text;
    splitString = separator: text: filter isString (split (replaceStrings [ "." "/" ] [ "[.]" "/" ] separator) text);
    cleanSourceWith = { src, filter ? (_: _: true), name ? "source" }: builtins.path { inherit filter name; path = src; };
    genAttrs = names: f: listToAttrs (map (name: { inherit name; value = f name; }) names);
    platforms.linux = [ "x86_64-linux" "aarch64-linux" ];
    licenses.gpl2Plus = { spdxId = "GPL-2.0-or-later"; };
  };
in
lib
