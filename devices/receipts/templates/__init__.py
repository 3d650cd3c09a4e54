"""What is printed in a shop, in Russian, Polish and English: facts in, a document out. No clock, no look-up, no sums.

A template prints what it is given; the figures were decided elsewhere. `make` says which templates there are.
"""
