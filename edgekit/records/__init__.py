"""What is kept of builds: releases, and what they are made of."""
