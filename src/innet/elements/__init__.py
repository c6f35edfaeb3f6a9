"""Click's elements, each written once as a packet program (`base`), found by class name (`registry`).

`build` makes instances of the declarations of a configuration; `arguments` reads their argument strings by the types
of their fields; `holder` is what elements that keep, make or send packets have beside their programs.
"""
