"""weave: runs the book's modules and fills the chapters with what they print.

A chapter is Markdown whose code and output fences are claimed by directives; a
module is an ordinary Python script cut into named cells. The engine runs each
module once, remembers the result under a key that covers everything the result
depends on, and writes the code and the output into the chapter.

    chapter.md -> slots -> cache or run -> results -> fill -> chapter.md, page
"""
