"""Russia: SBP, the Faster Payments System. UFEBS XML in windows-1251: ED701 and ED702, confirmed by ED706."""
