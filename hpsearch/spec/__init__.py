"""What is searched: the study file, the space it spans and the components it names."""
