"""The jurisdiction tree: installation, city, county, township, village, grid cell.

A place's parent never changes: another parent means another code, which is another place.
"""
